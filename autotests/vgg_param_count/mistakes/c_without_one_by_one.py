# mistake: Configuration C is D under another name: all of its convolutions are 3x3.
# caught by: test_paper_configurations
# hint: C ends its last three blocks with a 1x1 convolution

VGG_CONFIGS["C"] = list(VGG_CONFIGS["D"])
