all:
	@echo 'Hello, World!'
