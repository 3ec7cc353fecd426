#import <Foundation/Foundation.h>

int main(void) {
    @autoreleasepool {
        char line[80];
        printf("%s\n", [@"Größe 日本" UTF8String]);
        fgets(line, sizeof line, stdin);
        printf("%s", [[NSString stringWithUTF8String:line] UTF8String]);
    }
}
