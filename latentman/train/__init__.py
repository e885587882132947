"""How the shipped models were made, so that anybody can make them again."""
