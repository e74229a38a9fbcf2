"""inspect model providers and what is behind them."""
