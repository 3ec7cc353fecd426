#include <stdio.h>

int main(void) {
    char name[100];

    printf("name? ");
    if (scanf("%99s", name) == 1)
        printf("Hello, %s!\n", name);
}
