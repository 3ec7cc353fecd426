.read helper.sql
select text from greeting;
