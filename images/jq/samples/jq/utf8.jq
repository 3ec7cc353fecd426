"Größe 日本", input
