"""Mechanism and published language that two or more services need; never a business rule."""
