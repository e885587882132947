"""What ships inside the package: models and bodies, each folder with a CARD.md, and the command that checks them."""
