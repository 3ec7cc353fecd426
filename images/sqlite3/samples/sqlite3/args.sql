select arg from argv;
