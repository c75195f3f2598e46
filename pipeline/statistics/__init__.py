"""What the fluxes say: scatter, trends, the stability floor, and the channels behind them."""
