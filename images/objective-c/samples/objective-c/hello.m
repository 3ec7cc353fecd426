#import <Foundation/Foundation.h>

int main(void) {
    @autoreleasepool {
        printf("%s\n", [@"Hello, World!" UTF8String]);
    }
}
