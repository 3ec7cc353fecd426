#import <Foundation/Foundation.h>

int main(void) {
    @autoreleasepool {
        printf("%s %s\n", [NSUserName() UTF8String], [NSHomeDirectory() UTF8String]);
    }
}
