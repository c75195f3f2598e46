"""Where the checkout lies: templates, hand-written pages and the shipped configuration."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
