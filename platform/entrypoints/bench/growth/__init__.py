"""How speed changes as the platform grows: curves, drawn as SVG and told in one page."""
