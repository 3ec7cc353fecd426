print "Größe 日本\n";
print scalar <STDIN>;
