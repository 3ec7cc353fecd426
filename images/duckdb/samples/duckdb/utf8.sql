select 'Größe 日本';
select * from read_csv('/dev/stdin', header = false, sep = '\0');
