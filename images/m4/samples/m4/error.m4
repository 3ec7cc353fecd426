include(`missing')
