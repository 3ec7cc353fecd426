#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    struct passwd *user = getpwuid(getuid());

    printf("%s %s\n", user->pw_name, user->pw_dir);
    return 0;
}
