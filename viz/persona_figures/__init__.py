"""One module per figure of a set of personas: its table and its drawing."""
