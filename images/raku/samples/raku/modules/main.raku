use lib ".";
use Helper;

say greeting;
