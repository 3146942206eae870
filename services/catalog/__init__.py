"""What each marketplace offers: marketplaces, providers, offerings."""
