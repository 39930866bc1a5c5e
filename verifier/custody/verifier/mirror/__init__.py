"""`custody mirror`: copies any log in tiles into a folder that any web server can serve, verifying as it goes."""
