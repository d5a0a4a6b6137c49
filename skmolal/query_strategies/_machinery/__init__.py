"""What the query strategies are made of; nothing here is public by this path."""
