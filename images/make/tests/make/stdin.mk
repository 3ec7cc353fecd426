all:
	@cat
