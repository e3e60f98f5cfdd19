"""What the account is, kept whole from sparse and interrupted news: orders, fills, balances. Pure."""
