"""The magics as plain Python, one module for each part: what `import rapyer_nb` offers for use in code."""
