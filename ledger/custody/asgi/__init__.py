"""How a program of ours serves HTTP: one ASGI application on one address, in the loop of its owner, by uvicorn."""
