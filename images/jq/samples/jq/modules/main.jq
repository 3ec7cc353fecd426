import "helper" as helper;

helper::greeting
