(write-line "Größe 日本")
(write-line (read-line))
