(exit :code 3)
