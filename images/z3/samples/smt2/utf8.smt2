(echo "Größe 日本")
(echo "üñí → 世界")
