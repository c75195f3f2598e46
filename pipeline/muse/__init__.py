"""The instrument and its files: modes, geometry, exposures, cubes, association trees."""
