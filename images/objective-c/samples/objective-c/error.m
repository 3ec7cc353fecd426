#import <Foundation/Foundation.h>

int main(void) {
    @autoreleasepool {
        [NSException raise:@"Broken" format:@"broken"];
    }
}
