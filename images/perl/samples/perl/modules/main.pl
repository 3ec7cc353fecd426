use lib ".";
use Helper;

print Helper::greeting(), "\n";
