"""How often intervals hold the truth, and tests raise false alarms, over simulated campaigns."""
