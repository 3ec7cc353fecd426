include helper.mk

all:
	@echo '$(greeting)'
