#import <Foundation/Foundation.h>

int main(void) {
    char line[80];
    fgets(line, sizeof line, stdin);
    printf("%s", line);
}
