create table greeting as select 'Hello, module!' as text;
