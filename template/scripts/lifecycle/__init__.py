"""How modules come, change and go: what the commands beside this folder share."""
