1iGröße 日本
p
