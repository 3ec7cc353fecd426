#import "helper.h"

int main(void) {
    @autoreleasepool {
        printf("%s\n", [[Helper greeting] UTF8String]);
    }
}
