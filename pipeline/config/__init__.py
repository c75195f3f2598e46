"""What ``report.toml`` says: settings, their loader, paths of the checkout, standard stars."""
