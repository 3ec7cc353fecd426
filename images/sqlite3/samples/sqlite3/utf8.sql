select 'Größe 日本';
select 'üñí → 世界';
