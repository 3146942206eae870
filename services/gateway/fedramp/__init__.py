"""The FedRAMP marketplace file: split by owner, sent in order, accounted for as one operation."""
