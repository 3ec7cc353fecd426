#import "helper.h"

@implementation Helper
+ (NSString *)greeting {
    return @"Hello, module!";
}
@end
