#include <iostream>
#include <pwd.h>
#include <unistd.h>

int main()
{
    const passwd *user = getpwuid(getuid());

    std::cout << user->pw_name << ' ' << user->pw_dir << '\n';
}
