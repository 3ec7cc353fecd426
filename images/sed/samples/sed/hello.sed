1iHello, World!
