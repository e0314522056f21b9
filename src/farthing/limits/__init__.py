"""How much is sent at once and in a minute, and who goes first when not everybody can."""
