"""Pages: reads put together from several services, kept until a fact concerns them."""
