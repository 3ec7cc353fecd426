#import <Foundation/Foundation.h>

int main(void) {
    @autoreleasepool {
        NSData *text = [@"[6, 7]" dataUsingEncoding:NSUTF8StringEncoding];
        NSArray *numbers = [NSJSONSerialization JSONObjectWithData:text options:0 error:NULL];
        printf("%d\n", [[numbers firstObject] intValue] * [[numbers lastObject] intValue]);
    }
}
