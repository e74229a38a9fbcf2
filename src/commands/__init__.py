"""The commands of `pluralens`, one module per group of them; `pluralens.cli` puts them together."""
