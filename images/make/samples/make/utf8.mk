all:
	@echo 'Größe 日本'
	@cat
