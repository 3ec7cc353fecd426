select * from read_csv('/dev/stdin', header = false, sep = '\0');
