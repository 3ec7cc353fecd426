#include <stdio.h>

int main(void) {
    puts("Größe 日本");
    for (int c; (c = getchar()) != EOF;)
        putchar(c);
}
